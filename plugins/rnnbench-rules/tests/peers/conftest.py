"""Makes avalanche-lib importable without the packages that its image datasets and loggers need.

torchvision is not built for every build of torch, and these tests use nothing of it. Every name that is imported from
such a package is an empty class.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types

ABSENT = [
    name for name in ("torchvision", "wandb", "pytorchcv", "pycocotools", "lvis") if not importlib.util.find_spec(name)
]


class _Empty(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        empty = type(name, (), {"__init__": lambda self, *args, **kwargs: None})
        setattr(self, name, empty)
        return empty


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Empty(spec.name)

    def exec_module(self, module):
        return None


if importlib.util.find_spec("avalanche"):
    sys.meta_path.append(_Finder())
