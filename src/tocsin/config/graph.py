"""The order in which calculated metrics can be computed, and cycles among them."""

from collections.abc import Mapping, Sequence


class CycleError(ValueError):
    """Metrics that need each other: `path` names them, the first again at the end."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(" -> ".join(path))


def in_order(inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names so that each stands after all of its inputs; else as given.

    Inputs which are no names of `inputs` are ignored. Chains may be of any depth.

    Raises:
        CycleError: Some names need each other.
    """
    done: dict[str, None] = {}
    for name in inputs:
        _finish(name, inputs, done)
    return list(done)


def _finish(
    name: str, inputs: Mapping[str, Sequence[str]], done: dict[str, None]
) -> None:
    # A stack of our own: the depth of a chain must not meet Python's recursion limit.
    path: dict[str, list[str]] = {}
    todo = [name]
    while todo:
        top = todo[-1]
        if top not in path and top not in done:
            path[top] = [i for i in reversed(inputs[top]) if i in inputs]
        if path.get(top):
            _push(path[top].pop(), path, done, todo)
        else:
            path.pop(top, None)
            done.setdefault(todo.pop())


def _push(
    name: str, path: Mapping[str, object], done: Mapping[str, None], todo: list[str]
) -> None:
    if name in path:
        names = list(path)
        raise CycleError([*names[names.index(name) :], name])
    if name not in done:
        todo.append(name)
