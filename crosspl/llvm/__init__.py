"""LLVM IR as text: made from C and C++ (translate), stripped (clean), taken apart (functions), broken (mutants)."""
