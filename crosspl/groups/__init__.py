"""Groups of answers to one question, equivalent winners and inequivalent losers, for preference losses.

For GEPO and DPO (Wu et al. 2025, arXiv 2505.12723, section 3). Every (in)equivalence is what the judge said of the
problem's tests. Of two forms: `ir`, translations of one program into LLVM IR; `programs`, programs in several PLs.
"""
