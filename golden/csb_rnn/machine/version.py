# SPDX-License-Identifier: Apache-2.0
"""The version of a release: of the package, the hardware and its FuseSoC core (semver.org).

The register map and the image format have numbers of their own; docs/reference/registers.md says
which change raises which.
"""

__version__ = "3.0.0"
