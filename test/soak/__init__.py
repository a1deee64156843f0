# SPDX-License-Identifier: Apache-2.0
"""A farm mines for half an hour while whatever happens to farms happens to it: what must not grow, and what must not be lost."""
