"""A hands-on course on denoising diffusion models, and the small library that its learners build."""

__version__ = "1.0.0"
