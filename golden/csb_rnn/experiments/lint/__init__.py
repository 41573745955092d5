# SPDX-License-Identifier: Apache-2.0
"""The gates of ``make lint``: tools over both languages, and rules of this repository."""
