"""`python -m cdm_tutor` is `cdm-tutor`."""

from cdm_tutor.cli import main

if __name__ == "__main__":
    main()
