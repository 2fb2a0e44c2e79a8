"""A dataset of one's own is read by stated rules, named after its content, and trained on."""

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.catalogue import added as catalogue
from core.catalogue import datasets
from core.run.errors import DataCorrupt, DataUnavailable, InvalidInput
from core.run.spec import RunSpec, SpecRequest
from tests.worker.datasets import own
from tests.worker.training.small_runs import epochs
from worker.__main__ import main
from worker.datasets import added, store
from worker.datasets.formats import known, pictures
from worker.datasets.formats.found import Options
from worker.datasets.images import ImageDataset


@pytest.fixture
def home(home: Path) -> Path:
    """One that this process follows, as programs do."""
    catalogue.follow(home)
    return home


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


@pytest.fixture
def add(home: Path) -> Callable[..., ImageDataset]:
    """Adds what lies at a place, and opens it as trainers do."""

    def add(source: object, name: str = "pets", title: str = "", **options: Any) -> ImageDataset:
        found = added.add(name, str(source), home, title=title, options=Options(**options))
        return store.load(found, home)

    return add


# ------------------------------------------------------------------------------ what is kept


def test_a_folder_of_images_becomes_a_dataset_that_runs_train_on(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    pets = add(own.folder(mine), title="My pets")
    info = pets.info
    assert info.name == f"pets@{pets.fingerprint[:8]}"
    assert (info.title, info.class_names) == ("My pets", ("cat", "dog"))
    assert (info.height, info.width, info.channels) == (12, 12, 3)
    assert (info.train_size, info.test_size) == (32, 8)
    assert "20 % of each class were taken, by seed 0" in pets.provenance["notes"][0]
    assert np.bincount(pets.test_labels).tolist() == [4, 4]
    assert datasets[info.name] == info

    spec = RunSpec(dataset=info.name)
    assert (spec.crop, spec.batch_size, spec.decay_steps) == (12, 32, 1)
    assert spec.changes() == {"dataset": info.name}
    first, second = epochs(spec, pets, 2)
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.train_loss < first.train_loss


@pytest.mark.parametrize("model", ["mlp-3x512", "alexnet", "inception"])
@pytest.mark.parametrize("randomization", ["random_labels", "random_pixels", "gaussian"])
def test_grey_images_of_three_classes_train_any_network(
    add: Callable[..., ImageDataset], mine: Path, model: str, randomization: str
) -> None:
    pets = add(own.folder(mine, ["a", "b", "c"], each=8, shape=(9, 11)))
    assert (pets.info.channels, pets.info.classes) == (1, 3)
    spec = RunSpec(dataset=pets.info.name, model=model, randomization=randomization, width=0.1)
    assert spec.crop == 9
    (row,) = epochs(spec, pets, 1)
    assert np.isfinite(row.train_loss)


def test_images_are_kept_as_they_are(add: Callable[..., ImageDataset], mine: Path) -> None:
    images = {"train/a": 3, "train/b": 2, "test/a": 1, "test/b": 2}
    drawn = {place: own.pixels(n, 8, 9, 3, seed=i) for i, (place, n) in enumerate(images.items())}
    for place, several in drawn.items():
        for j, image in enumerate(several):
            own.save(mine / place / f"{j}.png", image)
    pets = add(mine)
    assert np.array_equal(pets.train_images, [*drawn["train/a"], *drawn["train/b"]])
    assert pets.train_labels.tolist() == [0, 0, 0, 1, 1]
    assert np.array_equal(pets.test_images, [*drawn["test/a"], *drawn["test/b"]])
    assert pets.test_labels.tolist() == [0, 1, 1]
    assert pets.provenance["notes"] == []


def test_a_split_depends_on_its_seed_alone(add: Callable[..., ImageDataset], mine: Path) -> None:
    source = own.folder(mine, each=10)
    first, again, other = (add(source, split_seed=seed) for seed in (0, 0, 1))
    assert first.info.name == again.info.name != other.info.name
    half = add(source, test_fraction=0.5)
    assert (half.info.train_size, half.info.test_size) == (10, 10)
    every = {image.tobytes() for image in [*half.train_images, *half.test_images]}
    assert every == {image.tobytes() for image in [*first.train_images, *first.test_images]}


def test_two_folders_of_one_name_are_two_datasets(
    add: Callable[..., ImageDataset], home: Path, mine: Path
) -> None:
    one, two = (add(own.folder(mine / str(i), seed=i)) for i in range(2))
    assert one.info.name != two.info.name
    assert RunSpec(dataset=one.info.name).hash() != RunSpec(dataset=two.info.name).hash()
    assert added.names(home) == sorted([one.info.name, two.info.name])
    with pytest.raises(InvalidInput, match=r"'pets' is not one but pets@.* and pets@.*: name one"):
        store.load("pets", home)


def test_equal_bytes_of_other_shape_or_classes_are_another_dataset(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    images, labels = own.pixels(20, 8, 16), np.arange(20) % 2
    several = {
        "wide": {"images": images},
        "high": {"images": images.reshape(20, 16, 8)},
        "three": {"images": images, "class_names": ["a", "b", "c"]},
    }
    for name, arrays in several.items():
        np.savez(mine / f"{name}.npz", labels=labels, **arrays)
    assert len({add(mine / f"{name}.npz").info.name for name in several}) == 3


def test_added_again_it_is_the_same_dataset_with_its_new_title(
    add: Callable[..., ImageDataset], home: Path, mine: Path
) -> None:
    source = own.folder(mine)
    first, again = add(source, title="Old"), add(source, title="New")
    assert first.info.name == again.info.name
    assert datasets[first.info.name].title == "New"
    assert sorted(p.name for p in (home / "datasets").iterdir()) == ["pets.lock", again.info.name]


# ---------------------------------------------------------------- known while processes live


def test_a_process_notices_what_is_added_and_removed_while_it_lives(
    add: Callable[..., ImageDataset], home: Path, mine: Path
) -> None:
    assert list(datasets) == ["cifar10"]
    name = add(own.folder(mine)).info.name
    assert list(datasets) == ["cifar10", name]
    assert name in str(SpecRequest.model_json_schema()["properties"]["dataset"]["enum"])
    stored = RunSpec(dataset=name).canonical_json()
    assert added.remove("pets", home) == name
    assert list(datasets) == ["cifar10"]
    assert RunSpec.model_validate_json(stored).dataset_info.classes == 2, "old runs can be read"
    with pytest.raises(ValueError, match="it was removed, and `rethink data add` brings it back"):
        SpecRequest(dataset=name)
    with pytest.raises(DataUnavailable, match=r"was removed here: `rethink data add` it again"):
        store.load(name, home)
    assert store.status(name, home)["state"] == "removed"
    assert [p.name for p in (home / "datasets" / name).iterdir()] == ["manifest.json"]
    add(mine)
    assert SpecRequest(dataset=name).dataset == name


@pytest.mark.parametrize("damage", ["cut", "changed", "manifest"])
def test_a_damaged_dataset_is_never_trained_on(
    add: Callable[..., ImageDataset], home: Path, mine: Path, damage: str
) -> None:
    name = add(own.folder(mine)).info.name
    file = home / "datasets" / name / "train_images.npy"
    if damage == "cut":
        os.truncate(file, 1000)
    elif damage == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    else:
        (file.parent / "manifest.json").write_text("{")
    with pytest.raises(DataCorrupt):
        store.load(name, home)
    assert store.status(name, home, verify=True)["state"] == "damaged"


def test_only_cifar10_is_looked_for_in_the_folder_with_cifar10(
    add: Callable[..., ImageDataset], home: Path, mine: Path
) -> None:
    name = add(own.folder(mine)).info.name
    store.load(name, home, folder=mine / "no such folder")


def test_what_a_failed_or_killed_addition_left_is_removed(
    add: Callable[..., ImageDataset], home: Path, mine: Path
) -> None:
    (home / "datasets/pets.partial-killed").mkdir(parents=True)
    source = own.folder(mine)
    (source / "dog/003.png").write_bytes(b"\x89PNG\r\n\x1a\n but not")
    with pytest.raises(DataCorrupt, match=r"dog/003.png is damaged or no image"):
        add(source)
    assert [p.name for p in (home / "datasets").iterdir()] == ["pets.lock"]


# -------------------------------------------------------------------------- rules for images


def test_grey_among_colour_becomes_colour_and_palettes_and_alpha_are_resolved(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    colour = own.pixels(1, 8, 8, 3)[0]
    clear = np.dstack([np.full((8, 8, 3), 200, np.uint8), np.full((8, 8), 128, np.uint8)])
    palette = Image.fromarray(colour).quantize(4)
    for i in range(2):
        own.save(mine / f"train/a/{i}-grey.png", np.full((8, 8), 77 + i, np.uint8))
        own.save(mine / f"train/b/{i}-clear.png", clear)
        own.save(mine / f"test/a/{i}-palette.png", palette)
    pets = add(mine)
    assert pets.info.channels == 3
    assert np.array_equal(pets.train_images[0], np.full((8, 8, 3), 77)), "grey: three times"
    assert np.all(pets.train_images[2] == 100), "half of 200 on black"
    assert np.array_equal(pets.test_images[0], palette.convert("RGB"))
    notes = pets.provenance["notes"]
    assert "no test image is of class b" in notes
    assert any("1 training images repeat others" in note for note in notes)


def test_exif_rotation_is_applied(add: Callable[..., ImageDataset], mine: Path) -> None:
    image = Image.fromarray(own.pixels(1, 8, 12, 3)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    for label in "ab":
        for i in range(2):
            own.save(mine / label / f"{i}.png", image, exif=exif)
    pets = add(mine)
    assert np.array_equal(pets.train_images[0], image.rotate(-90, expand=True))


def test_images_of_several_sizes_are_refused_or_resized(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    own.folder(mine, shape=(12, 12, 3))
    own.save(mine / "dog/wide.png", own.pixels(1, 16, 32, 3)[0])
    with pytest.raises(InvalidInput, match=r"000.png has 12×12 .*wide.png 16×32: .*--size 32"):
        add(mine)
    pets = add(mine, size=8)
    assert pets.train_images.shape[1:] == (8, 8, 3)


def test_files_that_are_no_images_are_skipped_and_counted(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    own.folder(mine)
    (mine / "README.md").write_text("Pets.")
    (mine / "cat/Thumbs.db").write_text("-")
    (mine / "cat/.000.png").write_text("a Mac's")
    (mine / "empty").mkdir()
    notes = " ".join(add(mine).provenance["notes"])
    assert "3 files were skipped: no images, or in no class's folder" in notes
    assert "folders without an image: empty" in notes


def bomb(path: Path) -> None:
    """A PNG of a few bytes that says it has a thousand million pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 32_000, 32_000, 8, 0, 0, 0, 0)
    data = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + struct.pack(">I", 0) + b"IDAT")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda _: None, "has no images in folders: put those of each class into"),
    "no classes": (
        lambda root: own.save(root / "1.png", own.pixels(1, 9, 9, 3)[0]),
        "put those of each class into a folder of its own",
    ),
    "one class": (lambda root: own.folder(root, ["cat"]), r"too few classes \(cat\)"),
    "16 bits, grey": (
        lambda root: own.save(own.folder(root) / "cat/x.png", np.ones((12, 12), np.uint16)),
        "cat/x.png has more than 8 bits a channel",
    ),
    "16 bits, colour": (
        lambda root: own.deep_png(own.folder(root) / "cat/x.png"),
        "cat/x.png has more than 8 bits a channel",
    ),
    "a bomb": (
        lambda root: bomb(own.folder(root) / "cat/x.png"),
        "cat/x.png has more than 64 million pixels",
    ),
    "small": (lambda root: own.folder(root, shape=(7, 9, 3)), "are 7×9 pixels: 8×8 are needed"),
    "link": (
        lambda root: (own.folder(root) / "cat/x.png").symlink_to("/etc/hostname"),
        "cat/x.png is a link that leads out of",
    ),
    "linked class": (
        lambda root: (own.folder(root) / "x").symlink_to("/etc"),
        "x is a link that leads out of",
    ),
    "single images": (lambda root: own.folder(root, each=1), "no class has two images"),
    "many classes": (
        lambda root: own.folder(root, [f"{i:03}" for i in range(257)], each=1, shape=(8, 8)),
        "there are 257 classes: 256 at most",
    ),
    "unknown class": (
        lambda root: (own.folder(root / "train"), own.folder(root / "test", ["cat", "cow"])),
        "has class cow, which",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_cannot_be_used_is_refused_with_a_sentence(
    add: Callable[..., ImageDataset], home: Path, mine: Path, case: str
) -> None:
    make, message = REFUSED[case]
    make(mine)
    with pytest.raises(InvalidInput, match=message):
        add(mine)
    assert added.names(home) == []


def test_a_folder_named_train_may_be_a_class(add: Callable[..., ImageDataset], mine: Path) -> None:
    assert add(own.folder(mine, ["car", "train"])).info.class_names == ("car", "train")


def test_images_in_both_sets_are_counted(add: Callable[..., ImageDataset], mine: Path) -> None:
    for part in ("train", "val"):
        own.folder(mine / part, each=3)
    notes = add(mine).provenance["notes"]
    assert notes == ["6 different images are in the training set and in the test set"]


def test_one_image_under_two_classes_is_told(add: Callable[..., ImageDataset], mine: Path) -> None:
    own.folder(mine / "train", each=3)
    own.folder(mine / "test", each=1, seed=1)
    image = mine / "train/cat/000.png"
    (mine / "train/dog/again.png").write_bytes(image.read_bytes())
    repeated, contradicted = add(mine).provenance["notes"]
    assert repeated.startswith("1 training images repeat others")
    assert contradicted == "1 of them are under several classes"


@pytest.mark.parametrize(
    ("name", "title", "options", "message"),
    [
        ("Pets", "", {}, "NAME 'Pets' is not allowed"),
        ("../pets", "", {}, "is not allowed"),
        ("cifar10", "", {}, "it is a dataset of Rethink's own"),
        ("pets", "x" * 81, {}, "use up to 80 characters"),
        ("pets", "two\nlines", {}, "title"),
        ("pets", "", {"test_fraction": 1.0}, "use one between 0 and 1"),
        ("pets", "", {"split_seed": -1}, "split seed -1"),
        ("pets", "", {"size": 4}, "use 8 to 1024 pixels"),
    ],
)
def test_names_and_options_are_checked(
    add: Callable[..., ImageDataset],
    mine: Path,
    name: str,
    title: str,
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InvalidInput, match=message):
        add(own.folder(mine), name, title, **options)


def test_a_source_that_is_not_there_or_no_dataset_is_named(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    with pytest.raises(InvalidInput, match=r"there is no .*/nowhere: name a folder"):
        add(mine / "nowhere")
    (mine / "pets.zip").write_bytes(b"PK")
    with pytest.raises(InvalidInput, match="unpack archives first"):
        add(mine / "pets.zip")


def test_a_full_disk_is_told_before_anything_is_written(
    add: Callable[..., ImageDataset], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(added.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataUnavailable, match="has 0 MB left: make room"):
        add(own.folder(mine))


# --------------------------------------------------------------------------------------- npz


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path / "mine.npz", **arrays)
    return path / "mine.npz"


KERAS = ("x_train", "y_train", "x_test", "y_test")
MEDICAL = ("train_images", "train_labels", "test_images", "test_labels")


@pytest.mark.parametrize("names", [KERAS, MEDICAL])
@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (8, 9, 3)])
def test_an_npz_is_read_whole(
    add: Callable[..., ImageDataset], mine: Path, names: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    images, labels = own.pixels(30, *shape), np.arange(30)[:, None] % 3
    arrays = (images[:20], labels[:20], np.asfortranarray(images[20:]), labels[20:])
    pets = add(npz(mine, **dict(zip(names, arrays, strict=True)), val_images=images))
    whole = np.concatenate([pets.train_images, pets.test_images])
    assert np.array_equal(whole.reshape(images.shape), images)
    assert pets.test_labels.tolist() == labels[20:, 0].tolist()
    assert pets.info.class_names == ("0", "1", "2")
    assert pets.provenance["notes"] == ["arrays that are no part of it: val_images"]


def test_floats_from_0_to_1_become_bytes_and_text_names_classes(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    images = own.pixels(20, 8, 8)
    labels = np.array(["dog", "cat"])[np.arange(20) % 2]
    whole = add(npz(mine, images=images, labels=labels))
    floats = add(npz(mine, images=images / np.float32(255), labels=labels))
    assert whole.info.class_names == ("cat", "dog")
    assert floats.fingerprint == whole.fingerprint


def of(images: Any = None, labels: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "images": own.pixels(20, 8, 8) if images is None else images,
        "labels": np.arange(20) % 2 if labels is None else labels,
        **more,
    }


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros(3)}, r"has arrays pictures: name them in one of these ways"),
        (of(np.zeros((20, 3, 8, 8), np.uint8)), "with the channels last"),
        (of(np.zeros((20, 8, 8, 4), np.uint8)), "with the channels last"),
        (of(np.full((20, 8, 8), np.nan)), "floats must be from 0 to 1"),
        (of(np.full((20, 8, 8), 1.5)), "floats must be from 0 to 1"),
        (of(np.full((20, 8, 8), 256)), "pixels are 0 to 255"),
        (of(np.zeros((20, 8, 8), complex)), "is of type complex128"),
        (of(labels=np.arange(19) % 2), "has 20 images and labels 19 labels"),
        (of(labels=np.eye(20)), "labels are whole numbers from 0 on or text"),
        (of(labels=np.arange(20) % 2 + 1), "none is 0: number the classes from 0 on"),
        (of(labels=np.arange(20) % 2 * 2), "none is 1"),
        (of(labels=np.arange(20) % 2 - 1), "10 training labels are negative, the first -1"),
        (of(labels=np.arange(20) * 10**9), "0 to 255 can be used"),
        (of(labels=np.zeros(20, int)), "too few classes"),
        (of(labels=np.arange(20) % 3, class_names=["a", "b"]), "has label 2: labels are 0 to 1"),
        (of(np.zeros((0, 8, 8)), np.zeros(0, int)), "too few classes"),
    ],
)
def test_an_npz_that_cannot_be_used_is_refused_with_a_sentence(
    add: Callable[..., ImageDataset], mine: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        add(npz(mine, **arrays))


def test_a_damaged_npz_is_named_and_objects_are_never_unpickled(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    whole = npz(mine, **of()).read_bytes()
    (mine / "mine.npz").write_bytes(whole[:-40])
    with pytest.raises(DataCorrupt, match=r"mine.npz is damaged or no .npz file"):
        add(mine / "mine.npz")
    middle = len(whole) // 3
    (mine / "mine.npz").write_bytes(whole[:middle] + b"-----" + whole[middle + 5 :])
    with pytest.raises(DataCorrupt, match=r"images in .*mine.npz cannot be read"):
        add(mine / "mine.npz")
    with pytest.raises(DataCorrupt, match=r"labels in .* cannot be read"):
        add(npz(mine, **of(labels=np.array([None] * 20))))


# ----------------------------------------------------------------------------------- parquet


def test_parquet_as_hugging_face_writes_it(add: Callable[..., ImageDataset], mine: Path) -> None:
    images, labels = own.pixels(100, 8, 8, 3), np.arange(100) % 2
    for name, part in (
        ("train-00000-of-00002", slice(0, 40)),
        ("train-00001-of-00002", slice(40, 80)),
        ("test-00000-of-00001", slice(80, 100)),
    ):
        own.parquet(
            mine / f"data/{name}.parquet",
            images[part],
            {"label": labels[part]},
            {"label": ["tench", "eel"]},
        )
    pets = add(mine)
    assert pets.info.class_names == ("tench", "eel")
    assert np.array_equal(pets.train_images, images[:80])
    assert pets.test_labels.tolist() == labels[80:].tolist()


def test_a_single_parquet_file_is_split_and_text_labels_name_classes(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    words = ["b", "a"] * 10
    pets = add(own.parquet(mine / "x.parquet", own.pixels(20, 8, 8), {"kind": words}))
    assert (pets.info.class_names, pets.info.channels) == (("a", "b"), 1)
    assert (pets.info.train_size, pets.info.test_size) == (16, 4)


def test_of_several_label_columns_one_is_named(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    labels = {"fine": np.arange(20) % 4, "coarse": np.arange(20) % 2}
    names = {"fine": "abcd", "coarse": "ef"}
    file = own.parquet(mine / "x.parquet", own.pixels(20, 8, 8), labels, names)
    with pytest.raises(InvalidInput, match=r"several are possible .*--label-column"):
        add(file)
    assert add(file, label_column="coarse").info.class_names == ("e", "f")


def test_parquet_that_cannot_be_used_is_refused_with_a_sentence(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    file = mine / "x.parquet"
    own.parquet(file, own.pixels(20, 8, 8), {"label": [-1, 0] * 10}, {"label": ["a", "b"]})
    with pytest.raises(InvalidInput, match="10 training labels are negative"):
        add(file)
    own.parquet(file, own.pixels(20, 8, 8), {"label": [0, 1] * 9 + [None] * 2})
    with pytest.raises(InvalidInput, match="2 rows without a label"):
        add(file)
    own.parquet(file, own.pixels(20, 8, 8), {})
    with pytest.raises(InvalidInput, match="column of labels: there is none among img"):
        add(file)
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataCorrupt, match="cannot be read as Parquet"):
        add(file)


# ------------------------------------------------------------------------------- torchvision


def idx(path: Path, array: Any) -> None:
    """An array in MNIST's format."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        file.write(header + array.tobytes())
    path.with_suffix("").write_bytes(header + array.tobytes())


def test_a_dataset_is_read_where_torchvision_keeps_it(
    add: Callable[..., ImageDataset], mine: Path
) -> None:
    images, labels = own.pixels(60, 28, 28), (np.arange(60) % 10).astype(np.uint8)
    for part, chosen in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
        raw = mine / "MNIST/raw"
        idx(raw / f"{part}-images-idx3-ubyte.gz", images[chosen])
        idx(raw / f"{part}-labels-idx1-ubyte.gz", labels[chosen])
    digits = add(f"torchvision:mnist:{mine}", "digits")
    assert digits.info.title == "MNIST"
    assert digits.info.class_names[0] == "0 - zero"
    assert np.array_equal(digits.test_images[..., 0], images[40:])
    assert digits.provenance["source"] == f"torchvision:mnist:{mine}"


def test_what_torchvision_cannot_give_is_told(
    add: Callable[..., ImageDataset], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="use one of CIFAR100, SVHN, MNIST, FashionMNIST"):
        add("torchvision:ImageNet")
    with pytest.raises(DataCorrupt, match="does not hold CIFAR-100 as torchvision keeps it"):
        add(f"torchvision:CIFAR100:{mine}")
    from torchvision import datasets as theirs

    monkeypatch.setattr(theirs.CIFAR100, "url", "http://127.0.0.1:9/cifar-100-python.tar.gz")
    with pytest.raises(DataUnavailable, match=r"could not be fetched .*connect to the network"):
        add("torchvision:CIFAR100")
    monkeypatch.setattr(known.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="SVHN comes as MATLAB files, which need SciPy"):
        add("torchvision:SVHN")


def test_svhn_s_planes_become_pixels(
    add: Callable[..., ImageDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by hand, since its files need SciPy."""
    images = own.pixels(20, 32, 32, 3)

    class Svhn:
        def __init__(self, root: str, *, split: str, download: bool) -> None:  # noqa: ARG002
            part = slice(0, 15) if split == "train" else slice(15, 20)
            self.data = images[part].transpose(0, 3, 1, 2)
            self.labels = (np.arange(20) % 10)[part]

    from torchvision import datasets as theirs

    monkeypatch.setattr(theirs, "SVHN", Svhn)
    monkeypatch.setattr(known.importlib.util, "find_spec", lambda _: object())
    svhn = add("torchvision:SVHN", "svhn")
    assert np.array_equal(svhn.train_images, images[:15])
    assert svhn.info.classes == 10


def test_the_suffixes_are_those_of_formats_that_pillow_reads() -> None:
    Image.init()
    forms = Image.registered_extensions()
    assert {forms[suffix] for suffix in pictures.SUFFIXES} == set(pictures.FORMATS)


def test_what_is_added_is_this_user_s_alone_in_a_home_that_lets_others_in(
    home: Path, mine: Path
) -> None:
    own.folder(mine)
    home.chmod(0o755)
    old = os.umask(0o022)
    try:
        assert main(["data", "add", "pets", str(mine)]) == 0
    finally:
        os.umask(old)
    written = list((home / "datasets").rglob("*"))
    assert written
    assert all(path.stat().st_mode & 0o077 == 0 for path in written)
