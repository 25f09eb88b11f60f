#!/usr/bin/env python3
"""100,000 tokens of 10,000 people: no page is slow.  npm/many.mjs."""
from console import Console, main


class Many(Console):
    def test_in_a_browser(self):
        self.drive("many.mjs", self.filled(100_000, 10_000))


if __name__ == "__main__":
    main()
