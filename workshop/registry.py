"""All that the workshop makes, by name."""

from importlib import import_module
from itertools import chain
from pathlib import Path

from cdm_tutor import icons
from cdm_tutor.checkpoint import shipped_weights
from cdm_tutor.choices import Stage
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.guidance import ConditionalUNet
from cdm_tutor.refiner import ImprovedRefinementNetwork
from cdm_tutor.unet import SimpleUNet
from workshop import classifier, drawing, heads, product, published, reach, sheets, site, tables
from workshop.clinic import make as clinic
from workshop.clinic import tune
from workshop.figures import measured
from workshop.places import ASSETS, PARTS, PICTURES, ROOT
from workshop.product import Product

OWN = ("own-icons", "own-icons64")  # pictures of icons, for the page on images of one's own
STAGES: dict[Stage, type] = {"unet": SimpleUNet, "refiner": ImprovedRefinementNetwork, "consistency": SimpleUNet}
SHIP = 'train it for hours (cdm_tutor/assets/README.md), then: python -m workshop.ship RUN_DIR "COMMAND"'


def all_products() -> dict[str, Product]:
    """Every product, in the order in which they are made: the later are made from the earlier."""
    pages = [*tables.products(), site.product(), heads.product(), published.product()]
    found = chain(assets(), clinic.products(), [tune.product()], figures(), pages)
    return {each.name: each for each in found}


def accept(name: str) -> None:
    """Remember that a product was made by hand."""
    made = all_products()[name]
    product.accept(made, product.names(made.make()))


def assets() -> list[Product]:
    """What comes with the package: images and networks. All of it wants the full data sets, and most of it hours."""
    found = []
    for data in CLASS_NAMES:
        found.append(
            by_hand(
                f"sheet/{data}",
                f"python -m workshop.sheets DATA_DIR && python -m workshop accept sheet/{data}",
                ASSETS / f"{data}.png",
            )
        )
        files = [ASSETS / f"{data}-{kind}.safetensors" for kind in ("classifier", "features")]
        how = f"python -m workshop.classifier DATA_DIR --only {data} && python -m workshop accept classifier/{data}"
        found.append(by_hand(f"classifier/{data}", how, *files, code=(classifier.train, classifier.features)))
        for stage, network in STAGES.items():
            found.append(by_hand(f"weights/{data}-{stage}", SHIP, shipped_weights(data, stage), code=(network,)))
        told = shipped_weights(data, classes=True)
        found.append(by_hand(f"weights/{data}-classes", SHIP, told, code=(ConditionalUNet,)))
    return found


def by_hand(name: str, how: str, *files: Path, code: tuple[reach.Start, ...] = ()) -> Product:
    """A product that is not made in passing; how it is trained decides less than what the network is."""
    return Product(name, lambda: files, code or (sheets.make,), by_hand=how)


def figures() -> list[Product]:
    """The pictures of the pages, a product for each script that draws them."""
    shipped = tuple(sorted([*ASSETS.glob("*.safetensors"), *ASSETS.glob("*.png")]))
    scripts = [f"lesson{lesson.number}" for lesson in LESSONS] + ["live", "home", "check", "face"]
    there = [name for name in scripts if (ROOT / "workshop" / "figures" / f"{name}.py").exists()]
    found = [drawn(name, shipped) for name in there]
    return [*found, drawn("measured", tuple(measured.READS)), *by_benchmarks(shipped)]


def drawn(name: str, data: tuple[Path, ...]) -> Product:
    """What the main() of a script in workshop/figures draws."""
    main = import_module(f"workshop.figures.{name}").main

    def make() -> list[Path]:
        drawing.written.clear()
        main()
        return list(drawing.written)

    return Product(f"figures/{name}", make, (main,), data)


def by_benchmarks(shipped: tuple[Path, ...]) -> list[Product]:
    """Pictures that a benchmark draws while it measures."""
    first = [*both("first-minutes", ".webp"), *both("first-minutes-loss", ".svg")]
    naive, own = both("05-naive-fashion", ".webp"), [path for name in OWN for path in both(name, ".webp")]
    ways = both("08-ways-mnist", ".webp")
    equal = "python -m benchmarks.ways_to_one_step DATA_DIR && python -m workshop accept figures/ways"
    walk = "python -m benchmarks.own_images FOLDER && python -m workshop accept figures/own"
    return [
        Product("figures/own", lambda: own, (icons.draw_icon,), by_hand=walk),
        Product("figures/first-minutes", lambda: first, (SimpleUNet,), by_hand="python -m benchmarks.first_minutes"),
        Product("figures/ways", lambda: ways, (SimpleUNet,), (shipped_weights("mnist"),), by_hand=equal),
        Product("figures/naive", lambda: naive, (SimpleUNet,), shipped, by_hand="python -m benchmarks.naive_refiners"),
    ]


def both(name: str, suffix: str) -> list[Path]:
    """A figure's files: for pages, for phones, and what pages include."""
    files = [PICTURES / f"{name}{ending}{suffix}" for ending in drawing.ROOMS]
    return [*files, PARTS / "figures" / f"{name}.md"]
