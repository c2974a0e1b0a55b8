"""A hands-on course on denoising diffusion models, and the small library that its learners build."""

__version__ = "0.1.0"
