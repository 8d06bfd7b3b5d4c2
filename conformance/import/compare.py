"""Compares two dumps and says item by item what is not the same."""

import json


def differences(there: dict, here: dict, path: str = "") -> list[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        out = []
        for k in sorted({*there, *here}, key=str):
            at = f"{path}/{k}"
            if k not in here:
                out.append(f"{at}: only there: {json.dumps(there[k])[:200]}")
            elif k not in there:
                out.append(f"{at}: only here: {json.dumps(here[k])[:200]}")
            else:
                out += differences(there[k], here[k], at)
        return out
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [d for n, (a, b) in enumerate(zip(there, here)) for d in differences(a, b, f"{path}[{n}]")]
    if there != here:
        return [f"{path}: {json.dumps(there)[:200]} there, {json.dumps(here)[:200]} here"]
    return []
