# SPDX-License-Identifier: BSD-2-Clause
"""A simulator with the small card, a client of it, memory to share."""

import os

import pytest
from sim_process import SMALL, Sim
from vfio_user_client import Client, Memory


@pytest.fixture
def start(tmp_path):
    """Starts simulators; those that still run at the end must end cleanly."""
    running = []

    def make(*args, **kwargs):
        sim = Sim(SMALL, tmp_path, *args, **kwargs)
        running.append(sim)
        return sim

    yield make
    for sim in running:
        if sim.process.poll() is None:
            sim.stop()


@pytest.fixture
def sim(start):
    return start()


@pytest.fixture
def client(sim):
    with Client(sim.path) as c:
        yield c


@pytest.fixture
def memory():
    m = Memory(1 << 20)
    yield m
    m.close()


@pytest.fixture
def event():
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    yield fd
    os.close(fd)
