//! Between Burn's CPU backend Flex and kernels that read plain slices.

use burn::tensor::{DType, Device, Element, Tensor};
use burn_flex::FlexTensor;

/// Whether a tensor is one of numbers of single precision on the CPU, with or without gradients.
pub fn is_flex_f32<const D: usize>(tensor: &Tensor<D>) -> bool {
    is_flex(tensor) && tensor.dtype() == DType::F32
}

/// Whether a tensor is on the CPU, with or without gradients.
pub fn is_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().inner() == Device::flex()
}

/// The tensor as one block of memory from its start; tensors may be views of others.
pub fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() && tensor.layout().start_offset() == 0 {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

/// The numbers of a [`contiguous`] tensor.
pub fn slice<T: Element + bytemuck::Pod>(tensor: &FlexTensor) -> &[T] {
    &tensor.storage::<T>()[..tensor.layout().num_elements()]
}

/// The numbers of a [`contiguous`] tensor, to be changed: in place if nothing else holds them.
pub fn slice_mut<T: Element + bytemuck::Pod>(tensor: &mut FlexTensor) -> &mut [T] {
    let count = tensor.layout().num_elements();
    &mut tensor.storage_mut::<T>()[..count]
}
