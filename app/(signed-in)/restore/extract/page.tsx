/** Extracting parts of a source. */
import { ExtractPage } from '#components/extract/extract-page.tsx'

export const metadata = { title: 'Extract' }

export default function Page() {
  return <ExtractPage />
}
