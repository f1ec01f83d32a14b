"""Random annotation files in the published formats: any number of pictures, without the pictures."""

import itertools
import json
import random
from pathlib import Path

from lmms_eval_drbench.answers.phrases import vocabulary
from lmms_eval_drbench.build.annotated import families_for
from lmms_eval_drbench.build.builder import Builder
from lmms_eval_drbench.build.questions.annotated import View

COCO_KINDS = vocabulary(
    "person bicycle car motorcycle airplane bus train truck boat bench bird cat dog horse sheep cow elephant umbrella "
    "suitcase frisbee surfboard bottle cup bowl pizza chair couch bed toilet laptop keyboard microwave oven sink "
    "refrigerator clock"
) + ["traffic light", "fire hydrant", "stop sign", "potted plant", "tv", "dining table", "teddy bear"]
INDOOR_KINDS = vocabulary("man woman chair lamp bed desk door window laptop refrigerator sink stove cup bowl towel")
OUTDOOR_KINDS = vocabulary("man woman car bus tree building sign bench dog bicycle road umbrella ladder backpack")
ATTRIBUTES = vocabulary(
    "red blue green black white brown yellow wooden metal open closed on off sitting standing walking"
)
WIDTH, HEIGHT = 640, 480


def _box(rng: random.Random) -> list[int]:
    width, height = rng.randint(15, 220), rng.randint(15, 200)
    return [rng.randint(-20, WIDTH - 30), rng.randint(-20, HEIGHT - 30), width, height]


def write_coco(path: Path, images: int, seed: int = 0) -> Path:
    """An instances file with crowd regions, boxes beyond the edge and tiny ones."""
    rng = random.Random(seed)
    categories = [{"id": number, "name": name} for number, name in enumerate(COCO_KINDS, start=1)]
    content = {"images": [], "annotations": [], "categories": categories}
    for image_id in range(1, images + 1):
        content["images"].append(
            {"id": image_id, "file_name": f"{image_id:012d}.jpg", "width": WIDTH, "height": HEIGHT}
        )
        kinds = rng.sample(range(1, len(COCO_KINDS) + 1), rng.randint(3, 7))
        for _ in range(rng.randint(4, 14)):
            box = _box(rng)
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": image_id,
                    "category_id": rng.choice(kinds),
                    "bbox": box,
                    "area": box[2] * box[3] * rng.uniform(0.15, 0.9),
                    "iscrowd": int(rng.random() < 0.03),
                }
            )
    path.write_text(json.dumps(content))
    return path


def write_gqa(path: Path, images: int, seed: int = 0) -> Path:
    """Scene graphs in GQA's format."""
    rng = random.Random(seed)
    graphs = {}
    for image_id in range(images):
        kinds, place = rng.choice([(INDOOR_KINDS, "kitchen"), (OUTDOOR_KINDS, "street")])
        objects = {}
        for number in range(rng.randint(5, 12)):
            x, y, w, h = _box(rng)
            objects[f"{image_id}{number:02d}"] = {
                "name": rng.choice(kinds),
                **{"x": x, "y": y, "w": w, "h": h},
                "attributes": rng.sample(ATTRIBUTES, rng.randint(0, 2)),
                "relations": [],
            }
        keys = list(objects)
        for key in keys:
            for _ in range(rng.randint(0, 2)):
                other = rng.choice([other for other in keys if other != key])
                name = rng.choice(["on", "behind", "in front of", "wearing", "holding", "next to"])
                objects[key]["relations"].append({"name": name, "object": other})
        graphs[str(image_id)] = {"width": WIDTH, "height": HEIGHT, "location": place, "objects": objects}
    path.write_text(json.dumps(graphs))
    return path


def ask(
    source, per_image: int = 5, questions: int = 10_000, ids=None, images: int | None = None
) -> list[tuple[dict, object]]:
    """(record, scene) for questions about every picture of a source, without looking at the pictures."""
    builder = Builder(questions, 0, "test", families=families_for(source))
    found = []
    for image_id in itertools.islice(source.ids() if ids is None else ids, images):
        scene = source.scene(image_id)
        found += [(record, scene) for record in builder.ask(scene, per_image, set(), View(scene))]
    return found
