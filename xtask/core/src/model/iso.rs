//! Texts and numbers of the ISO stages: boot menu, tool scripts, sizes. `xtask/src/compose/iso.rs` has the order of the stages and
//! their effects.

use crate::base::name::Epoch;
use crate::formats::oci::rfc3339;
use crate::formats::uki::Uki;

/// Makes `root.erofs` from `root/`. A root with services gets what they say of their dependencies gathered here, so that a
/// start runs no shell for it. The identifier is fixed: two equal trees are equal images.
pub const ROOT_SCRIPT: &str = "\
if [ -x root/usr/bin/rc ]; then
    root/usr/bin/rc rc-depend --root root --write root/usr/lib/rc/deptree
    chmod 0644 root/usr/lib/rc/deptree
fi
mkfs.erofs -zlz4hc,12 -T $SOURCE_DATE_EPOCH -U 41534c41-5200-4000-8000-000000000002 --all-root -x-1 root.erofs root
";

/// Compresses the initramfs on one thread: with more, the compressor cuts its input by their number.
pub const INITRAMFS_SCRIPT: &str = "zstd -q -19 --single-thread --no-check initramfs.cpio -o initramfs.cpio.zst\n";

/// Makes `efi.img` and `ashlar.iso`; `@KIB@`, `@DATE@` and `@STAMP@` are filled in by [`iso_script`].
pub const ISO_SCRIPT: &str = r#"truncate -s @KIB@K efi.img
mkfs.vfat --invariant -F 16 -s 4 -S 512 -r 112 -f 1 -i 41534852 -n ASHLAR-ESP efi.img
touch -h -d @STAMP@ BOOTX64.EFI
mmd -i efi.img ::/EFI ::/EFI/BOOT
mcopy -m -i efi.img BOOTX64.EFI ::/EFI/BOOT/BOOTX64.EFI
mkdir -p iso/boot/grub
cp efi.img iso/boot/efi.img
cp grub.cfg eltorito.img iso/boot/grub/
chmod 0644 iso/boot/efi.img iso/boot/grub/*
find iso -exec touch -h -d @STAMP@ {} +
xorriso -as mkisofs -quiet -o ashlar.iso -V ASHLAR -volset ASHLAR -publisher ASHLAR -preparer ASHLAR -A ASHLAR \
  -r --set_all_file_dates @DATE@ --modification-date=@DATE@ \
  --gpt_disk_guid 41534c41-5200-4000-8000-000000000001 \
  -b boot/grub/eltorito.img -c boot/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
  --grub2-mbr boot_hybrid.img --protective-msdos-label --mbr-force-bootable \
  -eltorito-alt-boot -e boot/efi.img -no-emul-boot -efi-boot-part --efi-boot-image \
  iso
"#;

/// [`ISO_SCRIPT`] for an EFI system partition of `esp_kib` KiB.
pub fn iso_script(esp_kib: u64, epoch: Epoch) -> String {
    // 2026-01-01T00:00:00Z -> 2026010100000000, the form xorriso takes: with hundredths.
    let date: String = rfc3339(epoch).chars().filter(char::is_ascii_digit).chain("00".chars()).collect();
    ISO_SCRIPT
        .replace("@KIB@", &esp_kib.to_string())
        .replace("@DATE@", &date)
        .replace("@STAMP@", &format!("@{}", epoch.0))
}

/// Size in KiB of the FAT16 file system that holds a unified image of `bytes`.
///
/// # Errors
/// The El Torito record counts 512-byte blocks in 16 bits, so firmware would load only a part of anything from 32 MiB.
pub fn esp_kib(bytes: u64) -> Result<u64, String> {
    let kib = bytes.div_ceil(1024);
    // Cluster table, root directory and slack; FAT16 needs at least 4085 clusters of 2 KiB.
    let size = (kib + kib / 1024 + 64).next_multiple_of(64).max(9216);
    if size >= 32 * 1024 {
        return Err(format!(
            "the unified kernel image is {kib} KiB: its partition would reach 32 MiB, the most that a CD's boot record can name"
        ));
    }
    Ok(size)
}

/// Where kernel and initramfs lie in the unified image, in 512-byte units: BIOS machines read them from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    linux: (u32, u32),
    initrd: (u32, u32),
}

impl Parts {
    /// The places in `image`, when it has both.
    pub fn of(image: &Uki) -> Option<Self> {
        let place = |name: &str| {
            let section = image.added.iter().find(|section| section.name == name)?;
            let whole = section.file_offset % 512 == 0 && section.file_size % 512 == 0;
            whole.then_some((section.file_offset / 512, section.file_size / 512))
        };
        Some(Self { linux: place(".linux")?, initrd: place(".initrd")? })
    }
}

/// GRUB's configuration: the BIOS path reads the same bytes as the UEFI path, out of the same file. [`grub_cfg`] fills
/// `@LINUX@`, `@INITRD@` and `@CMDLINE@` in.
///
/// A person at the menu, on the screen or on the serial line, can only start the entry: editing it and GRUB's own shell need a
/// superuser, and the only one has no password.
pub const MENU: &str = r#"# BIOS start: the kernel and initramfs are read out of the unified image.
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
loopback esp ($root)/boot/efi.img
loopback uki (esp)/EFI/BOOT/BOOTX64.EFI
set superusers=nobody
set default=0
set timeout=1
menuentry "Ashlar" --unrestricted {
  linux (uki)@LINUX@ @CMDLINE@
  initrd (uki)@INITRD@
}
"#;

/// [`MENU`] for a unified image with these `parts`. The command line comes last: nothing in it is a mark.
pub fn grub_cfg(parts: &Parts, cmdline: &str) -> String {
    let blocks = |(start, length): (u32, u32)| format!("{start}+{length}");
    MENU.replace("@LINUX@", &blocks(parts.linux))
        .replace("@INITRD@", &blocks(parts.initrd))
        .replace("@CMDLINE@", cmdline)
}

/// The `.osrel` section, which is signed with the image.
pub fn os_release(version: &str, generation: u64) -> String {
    let name = format!("NAME=\"Ashlar\"\nID=ashlar\nPRETTY_NAME=\"Ashlar {version}\"\nVERSION_ID=\"{version}\"\n");
    format!("{name}ASHLAR_GENERATION=\"{generation}\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::uki::Section;

    #[test]
    fn boot_menu_and_script() {
        let section = |name: &str, file_offset, file_size| Section {
            name: name.to_owned(),
            address: 0,
            size: 0,
            file_offset,
            file_size,
            flags: 0,
        };
        let image =
            Uki { bytes: Vec::new(), added: vec![section(".linux", 2048, 4096), section(".initrd", 6144, 1024)] };
        let parts = Parts::of(&image).unwrap();
        insta::assert_snapshot!(grub_cfg(&parts, "console=tty0 quiet"));
        insta::assert_snapshot!(iso_script(9216, Epoch::RELEASE));
        let odd = Uki { bytes: Vec::new(), added: vec![section(".linux", 7, 1), section(".initrd", 0, 0)] };
        assert_eq!(Parts::of(&odd), None);
        assert!(os_release("0.1.0", 2).ends_with("\nVERSION_ID=\"0.1.0\"\nASHLAR_GENERATION=\"2\"\n"));
    }

    #[test]
    fn partition_sizes() {
        assert_eq!(esp_kib(1000), Ok(9216));
        assert_eq!(esp_kib(16_138_240), Ok(15_872));
        assert!(esp_kib(40 << 20).unwrap_err().contains("32 MiB"));
    }
}
