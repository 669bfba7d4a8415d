"""What the one-letter marks of a WFDB annotation file mean."""

__all__ = ["AAMI_CLASS", "BEAT_SYMBOLS", "RHYTHM_NAMES", "aami_class"]

AAMI_CLASS: dict[str, str] = {
    **dict.fromkeys("NLRBej", "N"),
    **dict.fromkeys("AaJSn", "S"),
    **dict.fromkeys("VEr", "V"),
    "F": "F",
    **dict.fromkeys("/fQ?", "Q"),
}
"""AAMI class of every WFDB beat symbol: N normal (bundle branch blocks and the escapes ``e j`` too), S
supraventricular ectopic, V ventricular ectopic, F fusion of N and V, Q paced or not classifiable. Grouped as de
Chazal 2004 (doi:10.1109/TBME.2004.827359, table I) reads ANSI/AAMI EC57; ``B n r ?`` as WFDB's ``bxb`` has them."""

BEAT_SYMBOLS = frozenset(AAMI_CLASS)
"""The symbols that stand for a heart beat; every other symbol marks a rhythm, a wave, noise or a note."""

RHYTHM_NAMES = {
    "AB": "atrial bigeminy",
    "AFIB": "atrial fibrillation",
    "AFL": "atrial flutter",
    "B": "ventricular bigeminy",
    "BII": "second degree heart block",
    "IVR": "idioventricular rhythm",
    "N": "normal sinus rhythm",
    "NOD": "nodal (junctional) rhythm",
    "P": "paced rhythm",
    "PREX": "pre-excitation (WPW)",
    "SBR": "sinus bradycardia",
    "SVTA": "supraventricular tachyarrhythmia",
    "T": "ventricular trigeminy",
    "VFL": "ventricular flutter",
    "VT": "ventricular tachycardia",
}
"""What the rhythm notes of the MIT-BIH database stand for, without their opening bracket
(Moody and Mark 2001, doi:10.1109/51.932724)."""


def aami_class(symbol: str) -> str | None:
    """``N``, ``S``, ``V``, ``F`` or ``Q`` for a beat symbol, None for a mark that is not a beat."""
    return AAMI_CLASS.get(symbol)
