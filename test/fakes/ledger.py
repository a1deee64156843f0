# SPDX-License-Identifier: Apache-2.0
"""What a pool handed out and what it thinks of what comes back.

A share is judged as a real pool judges it (reference pool's order of checks), by hashing the header against
the target that went out with that work, and only under the user who got the work. Everything is kept for the test.
"""
from dataclasses import dataclass
import os
import threading
import time

from . import header

NBITS = bytes.fromhex("1d00ffff")
ROLL_LIMIT = 7200


@dataclass(frozen=True)
class Issued:
    """One work as it was handed out."""

    user: str
    data: bytes
    target: int
    time: float

    @property
    def ntime(self) -> int:
        """The header's time."""
        return int.from_bytes(self.data[68:72], "big")


@dataclass
class Submission:
    """One share as it arrived, and the verdict. answered says whether the answer left this machine."""

    user: str
    password: str
    text: str
    accepted: bool
    reason: str
    time: float
    answered: bool = False

    @property
    def data(self) -> bytes:
        """The 80 header bytes in data order; shorter if the text was no good."""
        digits = self.text[:160]
        return bytes.fromhex(digits) if len(digits) == 160 else b""

    @property
    def is_canonical(self) -> bool:
        """True if it came in the one form that every pool takes."""
        return self.text[:160] == self.text[:160].lower() and self.text[160:] == header.PADDING


class Ledger:
    """All works and submissions of one pool. Any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.prevhash = os.urandom(28) + bytes(4)
        self.rolling = False
        self.roll_limit = ROLL_LIMIT  # seconds by which ntime may be advanced then
        self.issued: list[Issued] = []
        self.submissions: list[Submission] = []
        self._by_user: dict[tuple[str, bytes], Issued] = {}
        self._seen: set[bytes] = set()

    def new_block(self) -> None:
        """Work from now on is for the next block; shares for the older one stay acceptable."""
        self.prevhash = os.urandom(28) + bytes(4)

    def issue(self, user: str, difficulty: float) -> Issued:
        """A work that nobody ever got before."""
        ntime = int(time.time()).to_bytes(4, "big")
        data = b"\0\0\0\1" + self.prevhash + os.urandom(32) + ntime + NBITS + bytes(4)
        work = Issued(user, data, header.target_number(difficulty), time.time())
        with self.lock:
            self.issued.append(work)
            self._by_user[user, data[:header.HEAD_SIZE] + NBITS] = work
        return work

    def judge(self, user: str, password: str, text: str, refusal: str | None = None) -> Submission:
        """The verdict on a share; a refusal overrides what would have been accepted."""
        submission = Submission(user, password, text, False, "", time.time())
        with self.lock:
            submission.reason = self._complaint(submission) or refusal or ""
            submission.accepted = not submission.reason
            if submission.accepted:
                self._seen.add(submission.data)
            self.submissions.append(submission)
        return submission

    def _complaint(self, submission: Submission) -> str:
        try:
            data = submission.data
        except ValueError:
            return "bad-data"
        work = self._by_user.get((submission.user, data[:header.HEAD_SIZE] + data[72:76]))
        if work is None:
            return "unknown-work"
        rolled = int.from_bytes(data[68:72], "big") - work.ntime
        if rolled and not (self.rolling and 0 < rolled <= self.roll_limit):
            return "time-invalid"
        if header.hash_number(data) > work.target:
            return "high-hash"
        return "duplicate" if data in self._seen else ""

    def accepted(self, user: str | None = None) -> list[Submission]:
        """Accepted shares, of one account or of all."""
        with self.lock:
            return [s for s in self.submissions if s.accepted and user in (None, s.user)]

    def rejected(self) -> list[Submission]:
        """All the others."""
        with self.lock:
            return [s for s in self.submissions if not s.accepted]

    def duplicates(self) -> list[Submission]:
        """Shares that came again after they had been accepted."""
        return [s for s in self.rejected() if s.reason == "duplicate"]
