"""Crews for tests: workers in this process, which can be killed between two letters."""

from collections.abc import Callable

from tocsin.runners.crew import Crew
from tocsin.runners.hand import Hand
from tocsin.runners.pieces import Bench
from tocsin.runners.session import Session
from tocsin.runners.tube import GoneError
from tocsin.sources import Crowd
from tocsin.testing import ManualClock


class NearLink:
    """A worker without a process: it works when it is listened to.

    `fate` is asked before each letter goes out; True kills it there and then.
    """

    fd = None

    def __init__(
        self, session: Session, clock: ManualClock, fate: Callable[[bytes], bool]
    ) -> None:
        bench = Bench(session.config, session.wishes)
        self._fate = fate
        self._dead = False
        self._out: list[bytes] = []
        self._in: list[bytes] = []
        self._hand = Hand(bench, clock, Crowd(40), self._post)

    def send(self, letter: bytes) -> None:
        if self._dead:
            raise GoneError
        self._in.append(letter)

    def receive(self) -> tuple[list[bytes], bool]:
        try:
            if not self._dead:
                came, self._in = self._in, []
                for letter in came:
                    self._hand.hear(letter)
                self._hand.turn()
        except GoneError:
            self._dead = True
        said, self._out = self._out, []
        return said, self._dead

    def close(self) -> str:
        self._hand.close()
        return "killed"

    def _post(self, letter: bytes) -> None:
        if self._dead or self._fate(letter):
            self._dead = True
            raise GoneError
        self._out.append(letter)


def near_crew(
    session: Session,
    clock: ManualClock,
    most: int = 2,
    fate: Callable[[bytes], bool] = lambda _: False,
) -> Crew:
    """Return a crew of workers in this process."""
    return Crew(session, clock, lambda s: NearLink(s, clock, fate), most)
