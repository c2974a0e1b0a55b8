"""Stage 2, forward noising: spoil an image by any number of steps in one jump, and undo it on paper.

x_t is a mix of the clean image x0 and noise. Of the three any two give the third; the velocity v is a fourth view of
the same mix. A network is trained to name what it cannot see.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from cdm_tutor.schedule import NoiseSchedule

Model = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> a prediction of x_t's shape
Prediction = Literal["noise", "v"]  # what the model predicts


def gather(table: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """Pick table[t] for each image, shaped so that it multiplies whole images.

    For t = [3, 0] and a batch of two: the first image is to be multiplied by table[3], the second by table[0], each in
    all its pixels.

    Args:
        table: (T,) one entry a noising step.
        t: (B,) int64 in [0, T).
        like: (B, C, H, W) the batch that the result will be multiplied with.

    Returns:
        As many dimensions as like has, all but the first of size 1.

    Raises:
        ValueError: if there is not one t for each image.
    """
    # 1. which t would be stretched to fit the images, silently? Refuse each that is not one for an image
    # 2. the entries of the table at t, one for each image
    # 3. a shape in which they multiply images, not columns of pixels
    raise NotImplementedError("lesson 02: gather")


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Noise clean images to step t in one jump: draw x_t, (B, C, H, W), from q(x_t | x_0).

    x_t is the sum of the image and the noise, each times a factor. Of the image the share alpha_bar_t of its variance
    must be left, and the variance of the noise must be the rest, 1 - alpha_bar_t. With alpha_bar_t = 0.64 and noise 1 a
    white pixel, 1, becomes 1.4 and a black one, -1, becomes -0.2. x0 itself stays as it is.

    Ho et al. 2020, equation 4.

    Args:
        x0: (B, C, H, W) clean images in [-1, 1].
        t: (B,) int64 in [0, T); 0 is the first noising step.
        noise: (B, C, H, W) standard normal.
        schedule: the noise schedule, of length T.

    Raises:
        ValueError: if the shapes disagree.
    """
    # 1. both factors, one of each for every image: _mix looks them up and refuses shapes that disagree
    # 2. the sum of image and noise, each times its factor; x0 stays as it is, the caller still needs it
    raise NotImplementedError("lesson 02: q_sample")


def predict_x0(x_t: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The clean image, if `noise` is what was added: q_sample solved for x0.

    With alpha_bar_t = 0.64, x_t = 1.4 and noise 1 give 1. A bad guess of the noise, -1, gives 2.5: nothing is cut off.

    Ho et al. 2020, equation 15. Shapes and errors as in q_sample.
    """
    # 1. both factors, as in q_sample; the batches are x_t and noise now
    # 2. which letter of your q_sample is unknown here? Solve for it; cut nothing off
    raise NotImplementedError("lesson 02: predict_x0")


def predict_noise(x_t: Tensor, t: Tensor, x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The noise that was added, if x0 is the clean image: q_sample solved for the noise.

    With alpha_bar_t = 0.64, x_t = 1.4 and x0 = 1 give 1, and x0 = -1 gives 3.67. Shapes and errors as in q_sample.
    """
    # 1. both factors; the batches are x_t and x0 now
    # 2. another letter is unknown; solve for that
    raise NotImplementedError("lesson 02: predict_noise")


def velocity(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The velocity v: x_t a quarter turn further, the part of image and noise that x_t does not show.

    Let the image be one direction and the noise another, at right angles to it. x_t is an arrow between them, and v the
    same arrow turned on by 90 degrees: nearly the noise where x_t is nearly clean, nearly -x0 where x_t is nearly
    noise. With alpha_bar_t = 0.64: white with noise 1 has v = 0.2, grey with noise 1 has 0.8, white without noise -0.6.

    Salimans and Ho 2022, appendix D. Shapes and errors as in q_sample.
    """
    # 1. both factors, as in q_sample
    # 2. where does a quarter turn take the image's direction, and where the noise's? Do that to x_t
    raise NotImplementedError("lesson 02: velocity")


def predict_x0_from_velocity(x_t: Tensor, t: Tensor, v: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The clean image, if v is the velocity.

    x_t and v are image and noise, both turned by one angle; this turns them back, and divides by nothing. With
    alpha_bar_t = 0.64, x_t = 1.4 and v = 0.2 give 1. Shapes and errors as in q_sample.
    """
    # 1. both factors; the batches are x_t and v now
    # 2. x_t and v are both mixes of x0 and noise: add them up so that the noise goes
    raise NotImplementedError("lesson 02: predict_x0_from_velocity")


def training_target(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction) -> Tensor:
    """What the model should answer: the noise, or for "v" the velocity. Shapes and errors as in q_sample."""
    return noise if prediction == "noise" else velocity(x0, t, noise, schedule)


def denoising_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "noise"
) -> Tensor:
    """How far the model is from the training target: for each image, (B,), the mean squared error over its pixels.

    The model is to find, in an image noised to step t, what training_target says. Where the noise of an image is (1, 3)
    and a model that should name it answers 0, the loss of that image is 5. Gradients go through to the model.

    Ho et al. 2020, equation 14. x0, t, noise and schedule as in q_sample.

    Args:
        model: maps (x_t, t) to a prediction of x_t's shape.
        prediction: what the model predicts, "noise" or "v".
    """
    # 1. what should the model answer? training_target knows, for both kinds of prediction
    # 2. what is the model shown? It gets that, and t as it is
    # 3. how far off is its answer, and over what do you take the mean to get one number an image, (B,)?
    raise NotImplementedError("lesson 02: denoising_loss")


def _mix(t: Tensor, a: Tensor, b: Tensor, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """How much of the image and how much noise is in x_t, shaped to multiply the batches a and b."""
    if a.shape != b.shape:
        raise ValueError(f"expected two batches of the same shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    return gather(schedule.sqrt_alphas_cumprod, t, a), gather(schedule.sqrt_one_minus_alphas_cumprod, t, a)
