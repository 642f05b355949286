// The admin client in the hands of somebody with the publishable key only.
import { client } from './harness.mjs'

export const PUBLIC = () => client(process.env.PUBLISHABLE_KEY).auth.admin
