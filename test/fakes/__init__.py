# SPDX-License-Identifier: Apache-2.0
"""Both ends of a mining farm: pools that can misbehave in every known way, and miners that really hash."""
