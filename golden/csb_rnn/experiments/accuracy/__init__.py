# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the number formats: the fixed model beside float, over a set of networks."""
