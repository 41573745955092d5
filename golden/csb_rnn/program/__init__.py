# SPDX-License-Identifier: Apache-2.0
"""A compiled program: its words as named fields, as an image and as a file."""
