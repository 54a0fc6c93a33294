rtl/csr/csr_pkg.sv
rtl/csr/vesper_csr.sv
