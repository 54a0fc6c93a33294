rtl/lib/fifo_wiped.sv
rtl/sa/sa_pkg.sv
rtl/sa/sa_ram.sv
rtl/sa/sa_hash.sv
rtl/sa/sa_out.sv
rtl/sa/sa_in.sv
rtl/sa/sa_cfg.sv
rtl/sa/sa_table.sv
