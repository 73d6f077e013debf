/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Host: x86_64's page table format, which is pure inlines. */
#pragma once

#include "../../../x86_64/include/arch/paging.h"
