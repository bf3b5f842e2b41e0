#pragma once
// Types and constants only: the library itself is opened at first use, because linking it would cost
// every start of the program several milliseconds.
#include <archive.h>
#include <archive_entry.h>
