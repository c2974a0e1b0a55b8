"""Known mistakes in lesson 07."""

from cdm_tutor.course.lesson import Mistake

PADDED = "(width, width, width, width), value=WHITE"
ROW = "images.permute(1, 2, 0, 3).flatten(2)"

MISTAKES = [
    Mistake(
        name="frame-grey",
        exercise="framed",
        title="the frame is grey",
        symptom="Frames of the same grey as the middle of the range.",
        concept="Images run from -1 to 1, so nothing at all is grey.",
        patch=((PADDED, "(width, width, width, width)"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="frame-only-at-the-sides",
        exercise="framed",
        title="there is a frame at the left and the right only",
        symptom="Images that touch those above and below.",
        concept="Two numbers pad one dimension.",
        patch=((PADDED, "(width, width), value=WHITE"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="frame-too-narrow",
        exercise="framed",
        title="the width is shared by two sides",
        symptom="Frames half as wide as they should be, or none.",
        concept="Each side has the whole width.",
        patch=((PADDED, "(width // 2,) * 4, value=WHITE"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="row-from-the-right",
        exercise="side_by_side",
        title="the first image is at the right",
        symptom="The row in the wrong order.",
        concept="Flattening keeps the order of what it makes one.",
        patch=((ROW, "images.flip(0).permute(1, 2, 0, 3).flatten(2)"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="row-that-is-a-column",
        exercise="side_by_side",
        title="the images lie one below the other",
        symptom="A column instead of a row.",
        concept="What is made one with the height adds to the height.",
        patch=((ROW, "images.permute(1, 0, 2, 3).flatten(1, 2)"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="row-reshaped",
        exercise="side_by_side",
        title="the numbers are read on in the order in which they lie in memory",
        symptom="Stripes of all images, one above the other.",
        concept="Another shape moves no number: dimensions that are to change places must be told to.",
        patch=((ROW, "images.reshape(images.shape[1], images.shape[2], -1)"),),
        symptoms=("plain",),
    ),
]
