// What a guest finds beside its processors: a VMBus with two windows for its devices, a serial port,
// a clock. The addresses of both windows are placeholders that write_acpi_tables fills in.
DefinitionBlock ("dsdt.aml", "DSDT", 2, "HVIS  ", "HVISDSDT", 0x00000001)
{
    // Soft off: kSleepTypeSoftOff of vm/ports.h.
    Name (\_S5, Package () { 0x05, 0x00, 0x00, 0x00 })

    Scope (\_SB)
    {
        // A module device: Linux takes the VMBus devices' memory from the nearest ancestor's _CRS.
        Device (VMOD)
        {
            Name (_HID, "ACPI0004")
            Name (_UID, 0x00)
            Name (_CRS, ResourceTemplate ()
            {
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x0000000000000000,
                    0x1111111100000000, 0x11111111FFFFFFFF, 0x0000000000000000, 0x0000000100000000)
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x0000000000000000,
                    0x2222222200000000, 0x22222222FFFFFFFF, 0x0000000000000000, 0x0000000100000000)
            })

            Device (VMBS)
            {
                Name (_HID, "VMBUS")
                Name (_UID, 0x00)
                Name (_STA, 0x0F)
                // Interrupts come by the hypervisor's own vector; Linux only insists on a _CRS.
                Name (_CRS, ResourceTemplate () { })
            }
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 0x01)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
                Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, , , ) { 0x00000004 }
            })
        }

        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
            })
        }
    }
}
