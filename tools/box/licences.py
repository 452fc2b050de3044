"""Under which licence the weights of each box are, and who is to be named."""

from __future__ import annotations

from dataclasses import dataclass

from emofuse.box import OPEN, WHOLE


@dataclass(frozen=True)
class Licence:
    """Under which licence the weights are, and who is to be named."""

    name: str
    url: str
    sources: tuple[str, ...]


EMODB = "EmoDB (Burkhardt et al. 2005), CC0-1.0 as re-published by audEERING"
KEYWORDS = "Picovoice wake-word benchmark, Apache-2.0"
GOEMOTIONS = "GoEmotions (Demszky et al. 2020), CC BY 4.0"
EMOBANK = "EmoBank (Buechel and Hahn 2017), CC BY-SA 4.0"
TEACHER = "all-MiniLM-L6-v2, the teacher of the text encoder, Apache-2.0"
NOISE = "ESC-10 clips (Piczak 2015), CC0, and room responses of SpeechBrain's test samples, Apache-2.0"
LICENCES = {
    OPEN: Licence(
        "CC-BY-SA-4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
        (EMODB, KEYWORDS, GOEMOTIONS, EMOBANK, TEACHER, NOISE),
    ),
    WHOLE: Licence(
        "CC-BY-NC-SA-4.0",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        (
            "RAVDESS (Livingstone and Russo 2018), CC BY-NC-SA 4.0",
            "nEMO (Christop 2024), CC BY-NC-SA 4.0",
            EMODB,
            KEYWORDS,
            GOEMOTIONS,
            EMOBANK,
            TEACHER,
            NOISE,
        ),
    ),
}
