# SPDX-License-Identifier: Apache-2.0
"""A real httpd, real databases and the rules around them, for tests."""
