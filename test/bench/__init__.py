# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: programs in C that are fast enough to be no part of what is measured, and what runs them."""
