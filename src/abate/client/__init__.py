"""The partner's side of the interface, typed: get a token or sign, send in batches, try again, keep what was refused.

    from abate.client import Client, Key

    client = Client("https://carbon.example", "city-bikes", Key("CLIENT_ID", "SECRET"))
    summary = client.deliver(events, Path("refused.jsonl"), progress=Path("sent.json"))

It needs no platform: the standard library, and http-message-signatures (`pip install "abate[client]"`) to sign.
"""

from abate.client.calls import Client, Key
from abate.client.delivering import DeadLetter, InUse, OtherEvents, dead_letters
from abate.client.results import Refusal, Reply, Result, Sent, Summary, Unreachable
from abate.client.signing import Signer

__all__ = ["Client", "DeadLetter", "InUse", "Key", "OtherEvents", "Refusal", "Reply", "Result", "Sent", "Signer", "Summary",
           "Unreachable", "dead_letters"]  # fmt: skip
