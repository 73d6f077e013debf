/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Host: x86_64's saved user state, which is pure data and inlines. */
#pragma once

#include "../../../x86_64/include/arch/context.h"
