"""The birds among the thousand classes of ImageNet, by the number of the class.

Three runs of classes: 7 to 24, 80 to 100 and 127 to 146. Most name a species; some a whole family
or genus ("jay", "pelican"), and three a sex ("cock", "hen", "drake"). A bird of any other kind is
taken for the one that it resembles, or for none.
"""

from __future__ import annotations

from typing import Final

BIRDS: Final[dict[int, str]] = {
    7: "domestic cock",
    8: "domestic hen",
    9: "ostrich",
    10: "brambling",
    11: "goldfinch",
    12: "house finch",
    13: "junco",
    14: "indigo bunting",
    15: "American robin",
    16: "bulbul",
    17: "jay",
    18: "magpie",
    19: "chickadee",
    20: "dipper",
    21: "kite",
    22: "bald eagle",
    23: "vulture",
    24: "great grey owl",
    80: "black grouse",
    81: "ptarmigan",
    82: "ruffed grouse",
    83: "prairie chicken",
    84: "peafowl",
    85: "quail",
    86: "partridge",
    87: "grey parrot",
    88: "macaw",
    89: "sulphur-crested cockatoo",
    90: "lorikeet",
    91: "coucal",
    92: "bee-eater",
    93: "hornbill",
    94: "hummingbird",
    95: "jacamar",
    96: "toucan",
    97: "drake",
    98: "red-breasted merganser",
    99: "goose",
    100: "black swan",
    127: "white stork",
    128: "black stork",
    129: "spoonbill",
    130: "flamingo",
    131: "little blue heron",
    132: "great egret",
    133: "bittern",
    134: "crane",
    135: "limpkin",
    136: "purple gallinule",
    137: "American coot",
    138: "bustard",
    139: "ruddy turnstone",
    140: "dunlin",
    141: "common redshank",
    142: "dowitcher",
    143: "oystercatcher",
    144: "pelican",
    145: "king penguin",
    146: "albatross",
}
"""English name of each of the 59 bird classes."""
