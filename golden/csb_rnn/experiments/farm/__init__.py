# SPDX-License-Identifier: Apache-2.0
"""Many tries or tests at once: workers of this computer or of a cluster, one writer of results."""
