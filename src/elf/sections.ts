/**
 * Section headers of an ELF file (System V gABI, chapter 4). The bytes may be anything: sections that
 * do not lie in the file are left out, as if they were not there.
 */

export interface Section {
  /** Position in the table: what `link` and `st_shndx` speak of. */
  readonly index: number;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  /** Of symbols: the section of their names. Of relocations: the section of their symbols. */
  readonly link: number;
}

export const SHT_SYMTAB = 2;
export const SHT_RELA = 4;
export const SHT_DYNSYM = 11;
const SHDR_BYTES = 64;

export function word64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** Sections that lie in the file; `view` holds at least an ELF header. */
export function sectionsOf(view: DataView): Section[] {
  const table = word64(view, 40);
  const count = view.getUint16(60, true);
  if (view.getUint16(58, true) !== SHDR_BYTES) return [];
  if (table + count * SHDR_BYTES > view.byteLength) return [];
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * SHDR_BYTES;
    const section = {
      index,
      type: view.getUint32(at + 4, true),
      address: word64(view, at + 16),
      offset: word64(view, at + 24),
      size: word64(view, at + 32),
      link: view.getUint32(at + 40, true),
    };
    if (section.offset + section.size <= view.byteLength) sections.push(section);
  }
  return sections;
}
