import os
import platform

from baselines.kit import machine


def test_the_machine_has_a_named_processor_and_the_cores_that_the_system_counts():
    told = machine.describe_machine(others_busy=0.74)
    assert told["processor"].strip()
    assert told["cores"] == os.cpu_count()
    assert told["busy_with_others"] == 0.7


def test_the_processor_is_the_model_that_linux_names_and_else_what_python_knows(tmp_path, monkeypatch):
    listing = tmp_path / "cpuinfo"
    monkeypatch.setattr(machine, "_LINUX_CPUS", listing)
    assert machine.processor() == (platform.processor() or platform.machine())
    listing.write_text("processor\t: 0\nmodel name\t: Example CPU: 4 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n")
    assert machine.processor() == "Example CPU: 4 GHz"
    listing.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")  # what an ARM kernel lists has no model name
    assert machine.processor() == (platform.processor() or platform.machine())
