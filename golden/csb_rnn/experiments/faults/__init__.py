# SPDX-License-Identifier: Apache-2.0
"""Single bits of a running machine flip: masked, detected, silent or hung, place by place."""
