"""The workshop's command line: python -m workshop [make|check|list|accept] [NAME ...]."""

import argparse
import sys
import time

from workshop import product, registry
from workshop.product import Made, Product

EXPLAINED = """
    make [NAME ...]     make what is stale; a product that is named, in any case. NAME/ stands for all that begin so
    check               say what is stale; exit code 1 if something is
    list                every product, and how it stands
    accept NAME ...     say that a product would come out as it is: only its digest is written
"""


def main() -> int:
    """Do what was asked for."""
    parser = argparse.ArgumentParser("python -m workshop", description=__doc__, epilog=EXPLAINED)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", nargs="?", choices=["make", "check", "list", "accept"], default="make")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    products, made = registry.all_products(), product.read_made()
    if unknown := [name for name in args.names if not chosen(products, [name])]:
        parser.error(f"no product is called {unknown[0]}: python -m workshop list")
    if args.what == "accept":
        for each in chosen(products, args.names):
            listed = each.by_hand or each.name not in made  # what is made by hand: make only names its files
            product.accept(each, product.names(each.make()) if listed else made[each.name]["files"])
        return 0
    if args.what == "make":
        return make(products, args.names, made)
    return say(products, made, everything=args.what == "list")


def chosen(products: dict[str, Product], names: list[str]) -> list[Product]:
    """The products of those names, or whose names begin so."""
    return [
        each
        for each in products.values()
        if any(each.name == name or (name.endswith("/") and each.name.startswith(name)) for name in names)
    ]


def say(products: dict[str, Product], made: Made, everything: bool) -> int:
    """Print what is stale, or how each stands; 1 if something is stale."""
    told = {name: each.stale(made) for name, each in products.items()}
    told |= dict.fromkeys(sorted(made.keys() - products.keys()), "is made no more")
    for name, why in told.items():
        if why or everything:
            print(f"{name}: {why or 'fresh'}")
    stale = sum(bool(why) for why in told.values())
    print(f"{stale} of {len(products)} products are stale" + (": make made" if stale else ""))
    return int(stale > 0)


def make(products: dict[str, Product], names: list[str], made: Made) -> int:
    """Make what was named, or what is stale; in order, for what is made may make the next one stale.

    Ctrl-C loses one product at most.
    """
    product.forget(made.keys() - products.keys())
    named, by_hand, count = chosen(products, names), [], 0
    for each in products.values():
        if not (each in named if names else each.stale(made)):
            continue
        count += 1
        if each.by_hand:
            by_hand.append(each)
            continue
        start = time.perf_counter()
        print(f"{each.name} ...", end=" ", flush=True)
        try:
            product.make(each)
        except KeyboardInterrupt:
            print("stopped; what was made before is kept")
            return 130
        print(f"{time.perf_counter() - start:.1f} s")
        made = product.read_made()
    if not count:
        print("nothing is stale")
    for each in by_hand:
        print(f"{each.name} is stale, and not made here: {each.by_hand}")
    return int(bool(by_hand))


if __name__ == "__main__":
    sys.exit(main())
