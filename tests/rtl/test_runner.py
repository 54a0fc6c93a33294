# SPDX-License-Identifier: BSD-2-Clause
"""The runner reports what cocotb and Verilator say: success, and every kind of failure."""

import pytest
from runner import run

COUNTER = ["tests/rtl/selftest/counter.sv"]
MODULE = "selftest.cocotb_counter"


@pytest.mark.parametrize("width", [3, 4])
def test_success(width):
    assert run("counter", COUNTER, MODULE, parameters={"WIDTH": width}, testcase="counts,wraps") == 2


def failure(*args, **kwargs):
    with pytest.raises(pytest.fail.Exception) as seen:
        run(*args, **kwargs)
    return str(seen.value)


def test_failing_cocotb_test():
    env = {"EXPECTED": 3}
    text = failure("counter", COUNTER, MODULE, testcase="counts,wrong_expectation", env=env)
    assert text.startswith("1 of 2 cocotb tests failed")
    assert "AssertionError" in text
    assert run("counter", COUNTER, MODULE, testcase="wrong_expectation", env={"EXPECTED": 2}) == 1


def test_failing_assertion_in_rtl():
    text = failure("counter", COUNTER, MODULE, testcase="breaks_an_assertion")
    assert "counter.sv" in text
    assert "Assertion failed" in text


def test_nothing_ran():
    text = failure("counter", COUNTER, MODULE, testcase="no_such_test")
    assert "no_such_test" in text or "no cocotb test ran" in text


def test_missing_module():
    assert "selftest.cocotb_absent" in failure("counter", COUNTER, "selftest.cocotb_absent")


def test_missing_source():
    assert "absent.sv" in failure("counter", ["tests/rtl/selftest/absent.sv"], MODULE)


def test_verilator_warning_is_an_error(tmp_path):
    source = tmp_path / "narrow.sv"
    source.write_text(
        "module narrow (input logic [7:0] a, output logic [3:0] b);\n  assign b = a;\nendmodule\n"
    )
    text = failure("narrow", [str(source)], MODULE)
    assert "WIDTHTRUNC" in text


def test_parameter_checked_at_elaboration():
    assert "WIDTH is 0" in failure("counter", COUNTER, MODULE, parameters={"WIDTH": 0})
