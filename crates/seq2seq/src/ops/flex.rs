//! Between tensors of Burn's CPU backend Flex and plain slices.

use burn::backend::Flex;
use burn::tensor::{DType, Device, Element, Shape, Tensor, TensorData};
use burn_flex::FlexTensor;

/// Whether a tensor is one of numbers of single precision on the CPU, with or without gradients.
pub fn is_flex_f32<const D: usize>(tensor: &Tensor<D>) -> bool {
    is_flex(tensor) && tensor.dtype() == DType::F32
}

/// Whether a tensor is on the CPU, with or without gradients.
pub fn is_flex<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().inner() == Device::flex()
}

/// The memory of a tensor without gradients, as one block from its start.
///
/// # Panics
/// If the tensor is not on the CPU, or belongs to an autodiff graph.
pub fn into_flex<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => contiguous(tensor),
        Err(error) => panic!("a tensor without gradients on the CPU is needed: {error:?}"),
    }
}

/// A tensor without gradients.
pub fn from_flex<const D: usize>(tensor: FlexTensor) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(tensor)
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

/// A tensor of these numbers.
pub fn from_numbers<T: Element>(numbers: Vec<T>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape.into()))
}

/// The size of a tensor along each dimension.
pub fn shape(tensor: &FlexTensor) -> Shape {
    tensor.layout().shape().clone()
}
