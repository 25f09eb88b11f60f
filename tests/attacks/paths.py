"""paths.py - where the helpers of the flows and of the doors are."""
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "doors"), str(TESTS / "flow")]
