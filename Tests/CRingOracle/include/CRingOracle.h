// SPDX-License-Identifier: Apache-2.0
#include "netif_layout.h"
#include "ring_oracle.h"
