# SPDX-License-Identifier: Apache-2.0
"""An answer as a miner reads it."""
from dataclasses import dataclass
import json
from typing import Any

from . import wire


@dataclass
class Reply:
    """An answer to one request."""

    message: wire.Message
    seconds: float

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.message.status

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.message.body)

    @property
    def result(self) -> Any:
        """Member result."""
        return self.json["result"]

    @property
    def error(self) -> Any:
        """Member error."""
        return self.json["error"]

    @property
    def reason(self) -> str | None:
        """Why a share was rejected."""
        return self.message.get("X-Reject-Reason")

    @property
    def announced(self) -> str | None:
        """Where long polls go."""
        return self.message.get("X-Long-Polling")

    @property
    def is_for_old_shares(self) -> bool:
        """What the miner has meanwhile is still welcome."""
        return self.result.get("submitold") is True
