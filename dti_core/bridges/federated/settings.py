"""Settings of federated training."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FederatedSettings:
    """How clients and server train together.

    unit : whom one client stands for, and so whom the guarantee protects: a user or a site.
    rounds, local_steps : rounds of the server, gradient steps that a client takes in each.
    sampling_rate : chance with which each client, independently, takes part in a round.
    expected_cohort : denominator of the average, a public constant; None takes sampling_rate times the number
        of clients. The number that really came is used nowhere, so that it stays unknown.
    learning_rate, server_rate : step lengths of the clients and of the server.
    clipping_norm : largest Euclidean length of a client's update, its sensitivity; None does not clip.
    local_batch : rows drawn with replacement for each local step; None takes all rows of the client.
    proximal : FedProx' pull back to the server's weights. control : SCAFFOLD's control
        variates, whose change is sent with the update, both under one clipping_norm.
    weighting : "rows" weighs clients by their rows and divides by those that came; without privacy only.
    precision : of the arithmetic on clients; sums are always made in float64.
    chunk_rows : padded rows that are in memory at once; a client with more is alone in its chunk.
    """

    unit: Literal["user", "site"] = "user"
    rounds: int = 50
    local_steps: int = 5
    sampling_rate: float = 0.1
    expected_cohort: float | None = None
    learning_rate: float = 0.5
    server_rate: float = 1.0
    clipping_norm: float | None = 0.1
    local_batch: int | None = None
    proximal: float = 0.0
    control: bool = False
    weighting: Literal["uniform", "rows"] = "uniform"
    precision: Literal["float32", "float64"] = "float64"
    chunk_rows: int = 16_384

    def __post_init__(self) -> None:
        for name in (
            "rounds", "local_steps", "chunk_rows", "local_batch", "learning_rate", "server_rate",
            "clipping_norm", "expected_cohort",
        ):  # fmt: skip
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ValueError(f"{name} = {value} must be positive")
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(f"sampling_rate = {self.sampling_rate} must be above 0 and at most 1")
        if not self.proximal >= 0:
            raise ValueError(f"proximal = {self.proximal} must be at least 0")
        if self.control and self.weighting == "rows":
            raise ValueError("control variates are averages over clients alike; use weighting = 'uniform'")
