"""Correct solutions of lesson 07, written differently."""

from cdm_tutor.course.lesson import Variant

FRAMED = "return torch.nn.functional.pad(images, (width, width, width, width), value=WHITE)"
ROW = "images.permute(1, 2, 0, 3).flatten(2)"

VARIANTS = [
    Variant(
        "frame-in-two-steps",
        (
            (
                FRAMED,
                "pad = torch.nn.functional.pad\n"
                "    return pad(pad(images, (width, width), value=WHITE), (0, 0, width, width), value=WHITE)",
            ),
        ),
    ),
    Variant(
        "frame-under-the-images",
        (
            (
                FRAMED,
                "*shape, height, length = images.shape\n"
                "    canvas = images.new_full((*shape, height + 2 * width, length + 2 * width), WHITE)\n"
                "    canvas[..., width : width + height, width : width + length] = images\n"
                "    return canvas",
            ),
        ),
    ),
    Variant("row-joined", ((ROW, "torch.cat(list(images), dim=2)"),)),
    Variant("row-by-two-swaps", ((ROW, "images.transpose(0, 1).transpose(1, 2).flatten(2)"),)),
]
