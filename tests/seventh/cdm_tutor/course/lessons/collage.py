"""Lesson 07: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="07",
    title="The collage",
    module="collage",
    about="Images side by side, to be compared in one look.",
    exercises=(
        Exercise(
            "framed",
            steps=("as many white pixels on each of the four sides as the frame is wide",),
            hints=(
                "How many pixels wider is an image with its frame? And how many higher?",
                "torch can pad the last dimensions of a tensor with a number.",
                "torch.nn.functional.pad takes how much to add at the left, the right, the top and the bottom.",
            ),
        ),
        Exercise(
            "side_by_side",
            steps=("the same row of pixels of all images, one image after the other",),
            hints=(
                "The first row of the result: which pixels of which images are in it?",
                "Bring the dimensions into the order C, H, B, W; then the last two can be made one.",
                "permute, and then flatten from the third dimension on.",
            ),
        ),
    ),
)
