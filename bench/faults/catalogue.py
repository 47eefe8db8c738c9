"""All faults, in the order of the table."""

from __future__ import annotations

from bench.faults import (
    faults_of_postgres,
    faults_of_processes,
    faults_of_resources,
    faults_of_the_provider,
)
from bench.faults.run import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *faults_of_processes.FAULTS,
        *faults_of_postgres.FAULTS,
        *faults_of_resources.FAULTS,
        *faults_of_the_provider.FAULTS,
    )
}
