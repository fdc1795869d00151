// SPDX-License-Identifier: Apache-2.0

/// What the packet path of a backend asks of the hypervisor. A worker thread owns one value of it,
/// with handles of its own; the store belongs to the control plane (docs/decisions/0001).
public protocol Hypervisor: GrantTable, EventChannels, ~Copyable {}
