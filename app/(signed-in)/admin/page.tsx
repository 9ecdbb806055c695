/** Admin leads to its first page. */
import { redirect } from 'next/navigation'

export default function Page(): never {
  redirect('/admin/hosts')
}
